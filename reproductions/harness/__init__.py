"""Retention of real models, measured by harnesses that others maintain: lmms-eval, and result files of VLMEvalKit."""
