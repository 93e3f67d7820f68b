"""Serves a GGUF file over an OpenAI-compatible interface on loopback, until it is killed.

Needs: pip install xllamacpp.  Usage: python serve.py FILE.gguf PORT
"""

import signal
import sys

import xllamacpp

path, port = sys.argv[1:]
parameters = xllamacpp.CommonParams()
parameters.model.path = path
# One thread: several wait for each other busily, which on a machine that others use too costs most of its time.
parameters.n_ctx, parameters.n_parallel = 4 * 2048, 4
parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
parameters.n_gpu_layers = 0
parameters.hostnames = ["127.0.0.1"]
parameters.port = int(port)
server = xllamacpp.Server(parameters)
print("serving", server.listening_address, flush=True)
signal.pause()
