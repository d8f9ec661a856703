"""People. A guest is a person too: the same row becomes a member on sign-up, so nothing they made has to move."""

import uuid

from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils import timezone


class User(AbstractUser):
    """Somebody who talks to the assistant or looks after it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    is_guest = models.BooleanField(
        "guest", default=False, db_index=True, help_text="Has not signed up; known only by the browser's cookie."
    )
    suspended_until = models.DateTimeField(
        null=True, blank=True, help_text="Until then this person cannot send messages."
    )
    suspension_reason = models.CharField(max_length=200, blank=True, help_text="Shown to the person.")
    country = models.CharField(max_length=2, blank=True, help_text="As the browser says; chooses the help lines shown.")
    language = models.CharField(max_length=8, blank=True, help_text="As the browser last said it.")
    device = models.CharField(max_length=7, blank=True, help_text="phone, tablet or desktop, as the browser last said.")
    time_zone = models.CharField(max_length=40, blank=True, help_text="As the browser last said it.")
    seen_on = models.DateField(null=True, blank=True, help_text="The day of the last visit.")
    must_change_password = models.BooleanField(
        default=False, help_text="The administration stays closed until this person has chosen a password of their own."
    )

    class Meta:
        verbose_name = "person"
        verbose_name_plural = "people"
        permissions = [("suspend_user", "Can suspend people and lift a suspension")]

    def __str__(self) -> str:
        return self.display_name

    @property
    def display_name(self) -> str:
        if self.is_guest:
            return "Guest"
        return self.first_name or self.email.partition("@")[0] or self.username

    @property
    def is_suspended(self) -> bool:
        return self.suspended_until is not None and self.suspended_until > timezone.now()

    def set_password(self, raw_password: str | None) -> None:
        """Every way to choose a password comes by here. The same password again does not count as chosen."""
        # Not self.check_password: that one stores a stronger hash by calling set_password again.
        is_still_owed = self.must_change_password and check_password(raw_password, self.password)
        super().set_password(raw_password)
        self.must_change_password = is_still_owed


class PasswordLink(models.Model):
    """Somebody of the staff had a link made by which this person chooses a new password. The person is told."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="password_links")
    made_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="password_links_made")
    was_mailed = models.BooleanField(help_text="Sent to the person's address; else shown to whoever made it.")
    created_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(null=True, blank=True, help_text="When the person was told.")

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"Password link {self.pk}"
