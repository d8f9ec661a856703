"""Django's settings, one file per topic. The environment is read in `environment` and nowhere else."""

from webapp.settings.accounts import *  # noqa: F403
from webapp.settings.admin import *  # noqa: F403
from webapp.settings.chat import *  # noqa: F403
from webapp.settings.core import *  # noqa: F403
from webapp.settings.database import *  # noqa: F403
from webapp.settings.logs import *  # noqa: F403
from webapp.settings.mail import *  # noqa: F403
from webapp.settings.moderation import *  # noqa: F403
from webapp.settings.queues import *  # noqa: F403
from webapp.settings.security import *  # noqa: F403
