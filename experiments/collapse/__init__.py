"""Collapse and rescue in miniature: two tasks with many right answers, a tiny policy, the real trainer."""
