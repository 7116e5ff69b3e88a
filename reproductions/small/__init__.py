"""The small tier: real pretrained parts from package registries, assembled into a vision-language model."""
