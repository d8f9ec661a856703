"""The way to a provider and back."""

from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView, OAuth2View
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from requests import RequestException

from webapp.accounts.single_sign_on.exchange import ExchangeAdapter


@never_cache
def login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Off to the provider, from a page of ours.

    Our policy lets a form lead to our own pages only, redirects included, and nobody knows beforehand through which
    hosts a provider sends people. A page that leads on is no form.
    """
    answer = _answer(OAuth2LoginView, request, provider_id)
    if request.method == "POST" and answer.status_code == 302:
        return render(request, "socialaccount/onward.html", {"address": answer["Location"]})
    return answer


@never_cache
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    return _answer(OAuth2CallbackView, request, provider_id)


def _answer(kind: type[OAuth2View], request: HttpRequest, provider_id: str) -> HttpResponse:
    adapter = ExchangeAdapter(request, provider_id)
    try:
        answer: HttpResponse = kind.adapter_view(adapter)(request)
    except SocialApp.DoesNotExist:
        raise Http404 from None
    except (OAuth2Error, RequestException) as error:
        return render_authentication_error(request, adapter.get_provider(), exception=error)
    return answer
