"""Small real files of every kind that people add, and some that are made to hurt."""

import io
import zipfile
from collections.abc import Sequence

import docx
import pypdf

SENTENCE = "Llamas carry loads over the pass."


def pdf(*pages: str, password: str = "", owner_password: str = "") -> bytes:
    """A PDF with one line of text on each page, written by hand so that there is text to find in it."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    kids = []
    for text in pages:
        content = f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET"
        kids.append(f"{len(objects) + 1} 0 R")
        font = "<< /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Resources {font}"
            f" /Contents {len(objects) + 2} 0 R >>"
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    objects[1] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>"
    body, places = "%PDF-1.4\n", "0000000000 65535 f \n"
    for number, each in enumerate(objects, start=1):
        places += f"{len(body):010d} 00000 n \n"
        body += f"{number} 0 obj\n{each}\nendobj\n"
    size = len(objects) + 1
    end = f"xref\n0 {size}\n{places}trailer << /Root 1 0 R /Size {size} >>\nstartxref\n{len(body)}\n%%EOF\n"
    made = f"{body}{end}".encode()
    if not password and not owner_password:
        return made
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(made))
    writer.encrypt(password, owner_password or None, algorithm="AES-256")
    locked = io.BytesIO()
    writer.write(locked)
    return locked.getvalue()


def word(text: str, *, heading: str = "", rows: Sequence[Sequence[str]] = ()) -> bytes:
    document = docx.Document()
    if heading:
        document.add_heading(heading, level=2)
    document.add_paragraph(text)
    if rows:
        table = document.add_table(len(rows), len(rows[0]))
        for row, cells in zip(table.rows, rows, strict=True):
            for cell, content in zip(row.cells, cells, strict=True):
                cell.text = content
    made = io.BytesIO()
    document.save(made)
    return made.getvalue()


def zipped(**parts: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/"), content)
    return made.getvalue()


def bomb() -> bytes:
    """A Word file of some kilobytes that unpacks to 60 megabytes of spaces."""
    return zipped(**{"word__document.xml": b" " * (60 * 2**20)})


def laughs() -> bytes:
    """A Word file whose XML would write itself out to gigabytes."""
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    xml = f'<!DOCTYPE w [<!ENTITY e0 "lol">{entities}]><w:document xmlns:w="w"><w:body>&e9;</w:body></w:document>'
    with zipfile.ZipFile(io.BytesIO(word("x"))) as source:
        parts = {name.replace("/", "__"): source.read(name) for name in source.namelist()}
    return zipped(**{**parts, "word__document.xml": xml.encode()})
