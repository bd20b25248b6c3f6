from pathlib import Path

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension, build_ext
from setuptools import setup

ParallelCompile().install()


def kernels(package: str) -> Pybind11Extension:
    """One extension a package: every .cpp below its csrc/ folder."""
    return Pybind11Extension(
        f"distgnn.{package}._kernels",
        sorted(str(path) for path in Path(package, "csrc").glob("*.cpp")),
        include_dirs=[f"{package}/csrc"],
        depends=sorted(str(path) for path in Path(package, "csrc").glob("*.h")),
        cxx_std=17,
        extra_compile_args=["-O3", "-Wall", "-Wextra", "-pthread"],
    )


setup(ext_modules=[kernels("samplers"), kernels("partition")], cmdclass={"build_ext": build_ext})
