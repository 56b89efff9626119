# make demo   set up, then the whole method on synthetic videos: train, test, table, pictures, video
# make test   set up, then the tests (PYTEST_ARGS='-m "not slow"': those that start no processes)
# make bench  set up, then the table of what the correlation costs
# make lint   flake8 and isort
# make clean  remove what demo and tests made (make clean-env: the environment, too)
VENV ?= .venv
PYTHON ?= python3.11
DEMO_DIR ?= work_dirs/demo
BENCH_OUT ?= work_dirs/benchmark/benchmark.json

.PHONY: demo test bench lint env clean clean-env

env:
	@PYTHON=$(PYTHON) bash tools/misc/setup_env.sh $(VENV)

demo: env
	@$(VENV)/bin/python tools/misc/run_demo.py --out $(DEMO_DIR)

test: env
	@$(VENV)/bin/python -m pytest $(PYTEST_ARGS)

bench: env
	@OMP_NUM_THREADS=1 $(VENV)/bin/python -m benchmarks --out $(BENCH_OUT) $(BENCH_ARGS)

lint: env
	@$(VENV)/bin/python -m flake8 projects tools studies benchmarks demo tests
	@$(VENV)/bin/python -m isort --check-only --diff projects tools studies benchmarks demo tests

clean:
	rm -rf $(DEMO_DIR) .pytest_cache .hypothesis build *.egg-info
	find projects tools studies benchmarks tests -name __pycache__ -type d -prune -exec rm -rf {} +

clean-env:
	rm -rf $(VENV)
