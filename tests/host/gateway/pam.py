"""The programs of a login by PAM and RADIUS, as Debian installs them; None for a missing program."""

import shutil
from pathlib import Path

MODULE = next(Path("/usr/lib").glob("*/security/pam_radius_auth.so"), None)
WRAPPER = next(Path("/usr/lib").glob("*/libpam_wrapper.so"), None)
PAMTESTER = shutil.which("pamtester")
