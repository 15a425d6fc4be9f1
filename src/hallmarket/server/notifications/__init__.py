"""Notifications of people."""
