#!/bin/sh
# Makes /opt/venv out of locks, while an image is built: install.sh LOCK... (every package by its hash, none besides).
# uv leaves again. A torch.txt among the locks is the build without CUDA: a wheel that pip's own settings find
# (find-links), else PyTorch's index for CPUs.
set -eu
here=$(dirname "$0")
python -m venv /opt/uv
/opt/uv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r "$here/uv.txt"
python -m venv --without-pip /opt/venv
install() { /opt/uv/bin/uv pip install --quiet --python /opt/venv --no-deps --require-hashes --link-mode copy "$@"; }
for lock in "$@"; do
  case $lock in
    torch.txt)
      install --no-index -r "$here/$lock" 2>/dev/null ||
        install --default-index "${TORCH_INDEX:-https://download.pytorch.org/whl/cpu}" -r "$here/$lock" ;;
    *) install -r "$here/$lock" ;;
  esac
done
rm -rf /opt/uv /opt/venv/.lock  # the lock is uv's own, for everybody to write to
# What only a developer of these packages needs: their tests, headers, static libraries. What Evidently calls tests is
# part of it, and it imports them.
find /opt/venv/lib -depth -path '*/site-packages/*' ! -path '*/evidently/*' \
  \( -type d \( -name tests -o -name include \) -o -name '*.a' -o -name '*.pyx' -o -name '*.pxd' \) -exec rm -rf {} +
# A read-only root cannot keep bytecode: it is made now. Some packages carry files for other Pythons: no error.
python -m compileall -q -j 0 /opt/venv/lib || true
