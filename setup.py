from pathlib import Path

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension, build_ext
from setuptools import setup

ParallelCompile().install()


def kernels(package: str, folder: str) -> Pybind11Extension:
    """One extension a package: every .cpp below its csrc/ folder."""
    return Pybind11Extension(
        f"{package}._kernels",
        sorted(str(path) for path in Path(folder, "csrc").glob("*.cpp")),
        include_dirs=[f"{folder}/csrc", "samplers/csrc"],  # random draws are shared
        depends=sorted(
            str(path) for path in [*Path(folder, "csrc").glob("*.h"), Path("samplers/csrc/rng.h")]
        ),
        cxx_std=17,
        extra_compile_args=["-O3", "-Wall", "-Wextra", "-pthread"],
    )


setup(
    ext_modules=[
        kernels("distgnn.samplers", "samplers"),
        kernels("distgnn.partition", "partition"),
        kernels("distgnn.nn", "distgnn/nn"),
    ],
    cmdclass={"build_ext": build_ext},
)
