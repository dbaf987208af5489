"""Findings → a verdict: who is blamed, how sure, and why."""
