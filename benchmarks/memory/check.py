"""Whether a job of the house is done in the current folder: check.py FAMILY JOB.

It says only whether: what is wrong would tell how the house does it.
"""

import sys
from pathlib import Path

from house import house_job

if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    job = house_job(*sys.argv[1:])
    sys.exit("the result is not right" if job.faults(Path.cwd()) else 0)
