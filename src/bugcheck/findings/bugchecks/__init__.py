"""One file per bug check, named as the check is (driver_power_state_failure.py for 9F)."""
