"""Finding, joining or starting Ray, within a deadline and with one clear error."""

from __future__ import annotations

import logging
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import ray
from ray.exceptions import AuthenticationError
from ray.util.placement_group import placement_group, remove_placement_group

from distgnn.cluster.deadline import with_deadline
from distgnn.exceptions import ClusterAddressError, ClusterError, ClusterTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from distgnn.train.config_cluster import ClusterConfig

_CLIENT = "ray://"


@contextmanager
def connected(config: ClusterConfig) -> Iterator[None]:
    """Within the context this process is connected to Ray; a cluster that it started ends with it.

    A connection that exists already is used and left as it is.

    Raises:
        ClusterAddressError: there is no cluster at the address, its token is another one, or it
            runs another version of Ray.
        ClusterTimeoutError: the cluster did not answer within ``config.connect_timeout_s``.
    """
    if ray.is_initialized():
        yield
        return
    _check_reachable(config.address, config.connect_timeout_s)
    _connect(config)
    try:
        yield
    finally:
        ray.shutdown()


def _connect(config: ClusterConfig) -> None:
    """Call ray.init, which can wait much longer than we want to, in a thread of its own.

    But not to start a cluster: its processes would end with the thread that started them.
    """

    def init() -> None:
        ray.init(
            address=config.address,
            logging_level=logging.ERROR,
            log_to_driver=False,  # the board brings what matters; all is in Ray's logs
            include_dashboard=None if config.address else False,
        )

    try:
        if config.address is None:
            init()
        else:
            with_deadline(config.connect_timeout_s, init)
    except TimeoutError as error:
        msg = (
            f"no Ray cluster answered at {_name(config.address)} within "
            f"{config.connect_timeout_s:g} s (cluster.connect_timeout_s): check that `ray status` "
            "works there, and the token (RAY_AUTH_TOKEN)"
        )
        raise ClusterTimeoutError(msg) from error
    except Exception as error:
        raise _refused(config.address, error) from error


def _check_reachable(address: str | None, timeout_s: float) -> None:
    """Refuse an address where nothing listens; Ray itself would try again for a minute.

    Raises:
        ClusterAddressError: nothing listens there, or it is no address.
    """
    if address is None or address in ("auto", "local"):
        return
    host, colon, port = address.removeprefix(_CLIENT).rpartition(":")
    if not (host and colon and port.isdigit()):
        msg = (
            f"cluster.address = {address!r} is no address of a Ray cluster: give 'auto', "
            "'HOST:6379' or 'ray://HOST:10001'"
        )
        raise ClusterAddressError(msg)
    try:
        socket.create_connection((host, int(port)), timeout=timeout_s).close()
    except OSError as error:
        msg = (
            f"nothing listens at cluster.address = {address!r} ({error}): check host and port, and "
            "that the head node runs (`ray start --head`)"
        )
        raise ClusterAddressError(msg) from error


def _refused(address: str | None, error: BaseException) -> ClusterError | ClusterAddressError:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if isinstance(error, AuthenticationError) or "uthenticat" in str(error):
        msg = (
            f"the Ray cluster at {_name(address)} refused the token: {reason}. Set RAY_AUTH_TOKEN "
            "(or RAY_AUTH_TOKEN_PATH) to the cluster's, see `ray get-auth-token` on its head node"
        )
        return ClusterAddressError(msg)
    if "ersion mismatch" in str(error):
        details = " ".join(str(error).split())
        msg = (
            f"the Ray cluster at {_name(address)} runs another version: {details}. Install the "
            "same versions of Ray and Python here and there"
        )
        return ClusterAddressError(msg)
    if isinstance(error, ConnectionError) and address not in (None, "auto", "local"):
        msg = (
            f"something listens at {_name(address)}, but no Ray cluster let us in: {reason}. "
            "Either the token is another one (set RAY_AUTH_TOKEN to what `ray get-auth-token` "
            "says on the head node), or it is not the port of Ray (6379; 10001 after ray://)"
        )
        return ClusterAddressError(msg)
    if isinstance(error, ConnectionError):
        msg = (
            f"no Ray cluster at {_name(address)}: {reason}. Start one (`ray start --head`), or "
            "leave the address out to run one for this command"
        )
        return ClusterAddressError(msg)
    return ClusterError(f"Ray could not be started at {_name(address)}: {reason}")


def _name(address: str | None) -> str:
    return "this machine" if address is None else repr(address)


def require_room(bundles: Sequence[Mapping[str, float]], config: ClusterConfig) -> None:
    """Wait until the cluster has room for `bundles` of resources, one for each process.

    An autoscaler sees the request, so this also waits for nodes that it starts.

    Raises:
        ClusterTimeoutError: there was none within ``config.placement_timeout_s``.
    """
    group = placement_group([dict(bundle) for bundle in bundles], strategy="PACK")
    try:
        if group.wait(timeout_seconds=config.placement_timeout_s):
            return
    finally:
        remove_placement_group(group)
    wanted = _sum(bundles)
    have = {name: ray.cluster_resources().get(name, 0.0) for name in wanted}
    free = {name: ray.available_resources().get(name, 0.0) for name in wanted}
    msg = (
        f"the Ray cluster had no room for {len(bundles)} processes that take "
        f"{_amounts(wanted)} within {config.placement_timeout_s:g} s "
        f"(cluster.placement_timeout_s): its nodes have {_amounts(have)}, of which "
        f"{_amounts(free)} free. Lower --num-workers, --num-samplers or cluster.cpus_per_worker, "
        "or add nodes"
    )
    raise ClusterTimeoutError(msg)


def _sum(bundles: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = {name for bundle in bundles for name in bundle}
    return {name: sum(bundle.get(name, 0.0) for bundle in bundles) for name in sorted(names)}


def _amounts(resources: Mapping[str, float]) -> str:
    return ", ".join(f"{amount:g} {name}" for name, amount in resources.items())
