"""Requests for access: asked, reviewed, granted or not, and what becomes of each."""
