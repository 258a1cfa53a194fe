"""Prepare the encoder: export to ONNX, int8 quantization, batch encoding."""
