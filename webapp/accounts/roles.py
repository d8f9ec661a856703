"""Who of the staff may do what. A role is a group of Django's; its permissions are written here and nowhere else."""

from typing import Any

from django.apps import AppConfig
from django.contrib.auth.models import Group, Permission
from django.db.models import Q

ROLES: dict[str, frozenset[str]] = {
    # Judges what happened without reading along: bodies open only with a logged reason.
    "moderator": frozenset(
        {
            "accounts.suspend_user",
            "accounts.view_user",
            "chat.view_conversation",
            "chat.view_reply",
            "moderation.decide_appeal",
            "moderation.reveal_conversation",
            "moderation.review_case",
            "moderation.view_appeal",
            "moderation.view_case",
            "moderation.view_suspension",
            "moderation.view_verdict",
        }
    ),
    # Works with numbers over many people and sees nobody in particular.
    "experimenter": frozenset(
        {
            "experiments.add_experiment",
            "experiments.add_metric",
            "experiments.add_promptversion",
            "experiments.add_settingsversion",
            "experiments.add_starterset",
            "experiments.add_testturn",
            "experiments.approve_promptversion",
            "experiments.approve_settingsversion",
            "experiments.change_experiment",
            "experiments.change_metric",
            "experiments.change_testturn",
            "experiments.delete_testturn",
            "experiments.label_promptversion",
            "experiments.put_settingsversion",
            "experiments.run_experiment",
            "experiments.ship_experiment",
            "experiments.stop_experiment",
            "experiments.view_experiment",
            "experiments.view_holdout",
            "experiments.view_layer",
            "experiments.view_metric",
            "experiments.view_productionchange",
            "experiments.view_promptversion",
            "experiments.view_settingsversion",
            "experiments.view_starterset",
            "experiments.view_testturn",
        }
    ),
    # Runs the place and watches the watchers. Of experiments: the second pair of eyes and the brake, not the wheel.
    # They approve what others wrote, stop what others began and put back what was there before; they write no prompt,
    # start nothing and ship nothing.
    "administrator": frozenset(
        {
            "accounts.add_user",
            "accounts.change_user",
            "accounts.delete_user",
            "accounts.suspend_user",
            "accounts.view_user",
            "chat.view_conversation",
            "chat.view_reply",
            "experiments.add_holdout",
            "experiments.add_layer",
            "experiments.add_segment",
            "experiments.approve_promptversion",
            "experiments.approve_settingsversion",
            "experiments.change_layer",
            "experiments.change_segment",
            "experiments.delete_segment",
            "experiments.roll_back_production",
            "experiments.stop_experiment",
            "experiments.view_experiment",
            "experiments.view_holdout",
            "experiments.view_layer",
            "experiments.view_metric",
            "experiments.view_productionchange",
            "experiments.view_promptversion",
            "experiments.view_segment",
            "experiments.view_settingsversion",
            "experiments.view_starterset",
            "library.change_document",
            "library.delete_document",
            "library.view_document",
            "library.view_passage",
            "moderation.activate_policyversion",
            "moderation.add_policyversion",
            "moderation.decide_appeal",
            "moderation.reveal_conversation",
            "moderation.review_case",
            "moderation.settle_case",
            "moderation.view_appeal",
            "moderation.view_auditentry",
            "moderation.view_case",
            "moderation.view_policyversion",
            "moderation.view_reveal",
            "moderation.view_suspension",
            "moderation.view_verdict",
        }
    ),
}


APPS = frozenset(name.partition(".")[0] for names in ROLES.values() for name in names)


def grant_roles(*, app_config: AppConfig, using: str, **_signal: Any) -> None:
    """Make each role hold exactly the permissions written above. Runs after each migration, any number of times.

    Django makes permissions app by app after migrating, so the last of our apps is the one that finds them all.
    Somebody who wants other rights for their staff makes a group of another name.
    """
    if app_config.label not in APPS:
        return
    for role, names in ROLES.items():
        group, _ = Group.objects.using(using).get_or_create(name=role)
        group.permissions.set(permissions_named(names, using=using))


def permissions_named(names: frozenset[str], *, using: str = "default") -> list[Permission]:
    """The permissions with these names ("app.codename"), those left out that do not exist (yet)."""
    wanted = Q(pk__in=[])
    for name in names:
        app, _, codename = name.partition(".")
        wanted |= Q(content_type__app_label=app, codename=codename)
    return list(Permission.objects.using(using).filter(wanted))
