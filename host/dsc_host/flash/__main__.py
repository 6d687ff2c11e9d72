"""Print the package.json for the firmware's sources: `python -m dsc_host.flash > firmware/package.json`."""

import sys

from dsc_host.flash.package import checkout_package

sys.stdout.write(checkout_package().decode())
