"""The embedded laboratory: a drawn world, a tiny vision-language model, shipped checkpoints with their recipe."""
