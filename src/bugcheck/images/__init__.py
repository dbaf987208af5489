"""An image's bytes, on disk or in a dump's memory → what it is: identity, headers, debug record, version, exports."""
