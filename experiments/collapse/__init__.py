"""Collapse and rescue in miniature: tasks with several right answers, a tiny policy, the real trainer."""
