"""What is asked for before something is done with an experiment."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from webapp.accounts.models import User
from webapp.experiments.experiment_forms import PER_CENT, MomentInput
from webapp.experiments.models import Arm, Experiment
from webapp.moderation.services.four_eyes import able_to

RUNS = "experiments.run_experiment"
DECISIONS = [
    ("", _("nothing yet")),
    (Experiment.Decision.KEEP, _("nothing is changed")),
    (Experiment.Decision.ROLL_BACK, _("it goes back to what it was")),
]


class ActForm(forms.Form):
    """Nothing is asked for."""

    def __init__(self, *args: Any, experiment: Experiment, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.experiment = experiment


class ReasonForm(ActForm):
    reason = forms.CharField(label=_("Why"), max_length=400, widget=UnfoldAdminTextInputWidget)


class StopForm(ReasonForm):
    """Shipping has a page of its own, which shows the evidence."""

    decision = forms.ChoiceField(
        label=_("What is decided"), choices=DECISIONS, required=False, widget=UnfoldAdminSelectWidget
    )


class DecideForm(ReasonForm):
    decision = forms.ChoiceField(label=_("What is decided"), choices=DECISIONS[1:], widget=UnfoldAdminSelectWidget)


class TrafficForm(ActForm):
    share = forms.DecimalField(
        label=_("More people, in per cent"),
        min_value=Decimal("0.1"),
        max_value=100,
        decimal_places=1,
        widget=forms.NumberInput(attrs={"class": "field", "step": "0.1"}),
    )

    @property
    def slots(self) -> int:
        return round(self.cleaned_data["share"] * PER_CENT)


class PhaseForm(ReasonForm):
    """A weight for each arm; 0 takes it out."""

    only_new = forms.BooleanField(
        label=_("Only for people who come from now on"),
        required=False,
        help_text=_("Whoever is in it now gets what is in production, and is in no figure of the new phase."),
    )

    def __init__(self, *args: Any, experiment: Experiment, **kwargs: Any) -> None:
        super().__init__(*args, experiment=experiment, **kwargs)
        self.arms = list(experiment.arms.all())
        for arm in self.arms:
            self.fields[f"weight_{arm.key}"] = forms.IntegerField(
                label=str(arm),
                min_value=0,
                max_value=100,
                initial=arm.weight,
                widget=UnfoldAdminIntegerFieldWidget,
            )

    @property
    def weights(self) -> dict[str, int]:
        return {arm.key: self.cleaned_data[f"weight_{arm.key}"] for arm in self.arms}


class AmendForm(ActForm):
    name = forms.CharField(label=_("Name"), max_length=120, widget=UnfoldAdminTextInputWidget)
    owner = forms.ModelChoiceField(
        User.objects.none(), label=_("Owner"), required=False, widget=UnfoldAdminSelectWidget
    )
    planned_days = forms.IntegerField(
        label=_("Planned days"), min_value=1, max_value=365, widget=UnfoldAdminIntegerFieldWidget
    )
    stops_at = forms.DateTimeField(label=_("Stops by itself"), required=False, widget=MomentInput)

    def __init__(self, *args: Any, experiment: Experiment, **kwargs: Any) -> None:
        initial = {name: getattr(experiment, name) for name in ("name", "owner", "planned_days", "stops_at")}
        super().__init__(*args, experiment=experiment, initial=initial, **kwargs)
        self.fields["owner"].queryset = able_to(RUNS)  # type: ignore[attr-defined]


class ArmChoiceForm(ActForm):
    arm = forms.ModelChoiceField(Arm.objects.none(), label=_("Arm"), widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, experiment: Experiment, **kwargs: Any) -> None:
        super().__init__(*args, experiment=experiment, **kwargs)
        self.fields["arm"].queryset = experiment.arms.all()  # type: ignore[attr-defined]


class TesterForm(ArmChoiceForm):
    """Somebody of the staff; people outside are never put into an arm by hand."""

    email = forms.EmailField(label=_("E-mail address"), widget=UnfoldAdminTextInputWidget)

    def clean_email(self) -> User:
        found = User.objects.filter(email__iexact=self.cleaned_data["email"], is_staff=True, is_active=True).first()
        if found is None:
            raise forms.ValidationError(gettext("Nobody of the staff has this address."))
        return found


class ReleaseForm(ActForm):
    person = forms.ModelChoiceField(User.objects.none())

    def __init__(self, *args: Any, experiment: Experiment, **kwargs: Any) -> None:
        super().__init__(*args, experiment=experiment, **kwargs)
        self.fields["person"].queryset = User.objects.filter(forced_arms__experiment=experiment)  # type: ignore[attr-defined]
