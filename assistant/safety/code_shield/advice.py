"""What to do instead, for people who did not ask for a lecture. By CWE, for the frequent ones."""

from collections.abc import Mapping
from typing import Final

from assistant.wording import gettext_noop

_BY_CWE: Final[Mapping[str, str]] = {
    "CWE-22": gettext_noop(
        "A path made from input can leave its folder. Resolve it and check that it is still inside."
    ),
    "CWE-78": gettext_noop(
        "Input can become a command of its own. Pass program and arguments as a list, without a shell."
    ),
    "CWE-79": gettext_noop("Input ends up in the page as HTML and can run scripts. Escape it, or set it as text."),
    "CWE-89": gettext_noop("Input can change the SQL statement. Use placeholders and pass the values separately."),
    "CWE-90": gettext_noop("Input can change the LDAP query. Escape it with the library's own function."),
    "CWE-94": gettext_noop("This runs text as code. Parse the data instead, or choose from a fixed list of actions."),
    "CWE-95": gettext_noop(
        "This runs text, or a file it names, as code. Use JSON.parse for data, and a fixed list of what may run."
    ),
    "CWE-119": gettext_noop(
        "Nothing limits how much is read or written here. Give a width or length, and check the result."
    ),
    "CWE-120": gettext_noop(
        "Nothing checks that the text fits. Use snprintf or a copy with a length, and check the result."
    ),
    "CWE-121": gettext_noop(
        "This can write past the end of a buffer on the stack. Compare the length with its size first."
    ),
    "CWE-185": gettext_noop(
        "A pattern made from input can be built to run for minutes. Use a fixed pattern, or escape the input."
    ),
    "CWE-200": gettext_noop("This shows internals to whoever looks. Switch it off outside of development."),
    "CWE-208": gettext_noop(
        "Comparing secrets with == tells by its time how much is right. Use a constant-time comparison."
    ),
    "CWE-209": gettext_noop(
        "This tells strangers what went wrong inside, or shows their own input back. Log it, and say less."
    ),
    "CWE-242": gettext_noop(
        "gets cannot be used safely: it writes as much as it is sent. Use fgets with the size of the buffer."
    ),
    "CWE-290": gettext_noop("An address or host name can be forged or shared. Do not tell by it who somebody is."),
    "CWE-295": gettext_noop(
        "The certificate is not checked, so anybody in between can read along. Leave the check switched on."
    ),
    "CWE-306": gettext_noop("Nobody is asked who they are before this. Check that first."),
    "CWE-311": gettext_noop("This can be read on its way. Set the Secure and HttpOnly flags, and use https."),
    "CWE-312": gettext_noop(
        "A secret or private data lies here in plain text. Keep it in a secret store or encrypt it."
    ),
    "CWE-319": gettext_noop("This goes over the network unencrypted. Use https."),
    "CWE-323": gettext_noop(
        "ECB, or a nonce used twice, shows patterns in the data. Use AES-GCM with a fresh random nonce."
    ),
    "CWE-326": gettext_noop(
        "This protocol or key is too weak today. Use TLS 1.2 or newer and RSA keys of 3072 bits or more."
    ),
    "CWE-327": gettext_noop(
        "This algorithm is broken. Use SHA-256 for digests, AES-GCM to encrypt, argon2 for passwords."
    ),
    "CWE-328": gettext_noop("MD5 and SHA-1 can be forged. Use SHA-256, and for passwords argon2, scrypt or bcrypt."),
    "CWE-330": gettext_noop("These numbers can be guessed. For tokens and keys use the system's secure random source."),
    "CWE-335": gettext_noop(
        "With a fixed seed everybody gets the same numbers. For secrets use the secure random source."
    ),
    "CWE-338": gettext_noop("These numbers can be guessed. For tokens and keys use the system's secure random source."),
    "CWE-345": gettext_noop(
        "The origin of the data is not checked. Compare it with those you trust before using the data."
    ),
    "CWE-347": gettext_noop("Encrypted data can be changed unnoticed here. Use an authenticated mode such as AES-GCM."),
    "CWE-352": gettext_noop(
        "Another site can make a signed-in person's browser send this. Require an anti-forgery token."
    ),
    "CWE-377": gettext_noop("Another process can guess this file's name and take its place. Use mkstemp."),
    "CWE-477": gettext_noop("This function is gone or going. Use the one its documentation names instead."),
    "CWE-434": gettext_noop(
        "Somebody can store a program here. Allow only the kinds of file you need, under names of your own."
    ),
    "CWE-489": gettext_noop("This leaves debugging open to others. Switch it off in what you publish."),
    "CWE-494": gettext_noop(
        "What is fetched here can be exchanged on its way. Compare it with a known digest before use."
    ),
    "CWE-502": gettext_noop(
        "Loading such data can run code hidden in it. Use JSON, or a safe loader, for data from elsewhere."
    ),
    "CWE-601": gettext_noop("Input decides where people are sent. Allow only paths of your own site."),
    "CWE-611": gettext_noop("The XML parser follows references to files and servers. Switch external entities off."),
    "CWE-643": gettext_noop("Input can change the XPath query. Bind it as a variable."),
    "CWE-665": gettext_noop("auto_ptr is gone from C++. Use unique_ptr, or shared_ptr where several own it."),
    "CWE-676": gettext_noop(
        "This function or block is easy to get wrong. Check every limit, or use the safer replacement."
    ),
    "CWE-680": gettext_noop(
        "The size can overflow, and less is allocated than is used. Check the multiplication, or use calloc."
    ),
    "CWE-732": gettext_noop("Input decides who may read or write this. Set the rights yourself."),
    "CWE-770": gettext_noop("The size is taken as it comes. Use Buffer.alloc or Buffer.from, with a limit."),
    "CWE-798": gettext_noop(
        "Everybody who reads the code has this key. Take it from the environment, and replace this one."
    ),
    "CWE-807": gettext_noop("Whoever starts or calls this decides the value. Check it before anything depends on it."),
    "CWE-908": gettext_noop("This memory still holds old data. Use Buffer.alloc, which clears it."),
    "CWE-918": gettext_noop(
        "Input decides which server is asked, your internal ones too. Check the host against a list."
    ),
    "CWE-940": gettext_noop("Messages from any site are accepted or sent. Name the origin, and check it on arrival."),
    "CWE-1240": gettext_noop("This cipher is too weak today. Use AES-GCM or ChaCha20-Poly1305."),
}


def advice_for(cwe: str, message: str) -> str:
    """Our words for `cwe`, in English, else the rule's own `message`."""
    return _BY_CWE.get(cwe, message)
