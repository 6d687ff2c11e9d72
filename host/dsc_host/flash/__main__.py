"""Print the package.json of the firmware: `python -m dsc_host.flash > firmware/package.json`."""

import sys

from dsc_host.flash.package import checkout_package

sys.stdout.write(checkout_package().decode())
