import os

import hypothesis

# The same examples on every machine: a failure in CI must be one that can be had here. `HYPOTHESIS_PROFILE=explore`
# draws new ones.
hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None, database=None)
hypothesis.settings.register_profile("explore", deadline=None, max_examples=200)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))
