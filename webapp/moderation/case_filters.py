"""What the queue is narrowed by."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from webapp.accounts.models import User
from webapp.moderation.case_forms import CATEGORY_NAMES
from webapp.moderation.models import Case, Flag, Verdict
from webapp.moderation.services import scoring

Options = list[tuple[str, Any]]


class StateFilter(admin.SimpleListFilter):
    """Without a choice the queue is what is left to do."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> Options:
        return [*Case.State.choices, ("all", _("all"))]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for choice in super().choices(changelist):
            if choice["query_string"] == changelist.get_query_string(remove=[self.parameter_name]):
                choice["display"] = _("to do")
            yield choice

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        if self.value() is None:
            return queryset.exclude(state=Case.State.CLOSED)
        return queryset.filter(state=self.value()) if self.value() in Case.State.values else queryset


class CategoryFilter(admin.SimpleListFilter):
    title = _("category")
    parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> Options:
        return list(CATEGORY_NAMES)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        return queryset.filter(category=self.value()) if self.value() else queryset


class SourceFilter(admin.SimpleListFilter):
    title = _("source")
    parameter_name = "source"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> Options:
        return list(Flag.Source.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        # Through the key, so that a case with two such flags stays one row.
        flagged = Flag.objects.filter(source=self.value()).values("case")
        return queryset.filter(pk__in=flagged) if self.value() else queryset


class PriorityFilter(admin.SimpleListFilter):
    title = _("priority")
    parameter_name = "priority"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> Options:
        return [("2", _("2 and more")), ("1", _("1 and more")), ("0.5", _("½ and more"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        least = self.value()
        if least not in ("2", "1", "0.5"):
            return queryset
        return queryset.filter(score__gte=scoring.rank_at(float(least), timezone.now()))


class AgeFilter(admin.SimpleListFilter):
    title = _("waiting")
    parameter_name = "waiting"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> Options:
        return [("1", _("a day and longer")), ("3", _("three days and longer")), ("7", _("a week and longer"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        days = self.value()
        if days not in ("1", "3", "7"):
            return queryset
        return queryset.filter(opened_at__lte=timezone.now() - timedelta(days=int(days)))


class AssigneeFilter(admin.SimpleListFilter):
    title = _("assignee")
    parameter_name = "assignee"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> Options:
        assert isinstance(request.user, User)
        others = User.objects.filter(cases_assigned__isnull=False).exclude(pk=request.user.pk).distinct()
        named = [(str(person.pk), person.display_name) for person in others]
        return [("me", _("me")), ("nobody", _("nobody")), *named]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        assert isinstance(request.user, User)
        match self.value():
            case "me":
                return queryset.filter(assignee=request.user)
            case "nobody":
                return queryset.filter(assignee=None)
            case somebody if somebody in dict(self.lookup_choices):
                return queryset.filter(assignee__pk=somebody)
        return queryset


class LanguageFilter(admin.SimpleListFilter):
    title = _("language")
    parameter_name = "language"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin) -> Options:
        known = Verdict.objects.filter(flags__isnull=False).exclude(language="").order_by("language")
        return [(language, language) for language in known.values_list("language", flat=True).distinct()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Case]) -> QuerySet[Case]:
        flagged = Flag.objects.filter(verdict__language=self.value()).values("case")
        return queryset.filter(pk__in=flagged) if self.value() else queryset


FILTERS = (*(StateFilter, CategoryFilter, SourceFilter, PriorityFilter, AgeFilter, AssigneeFilter, LanguageFilter),)
