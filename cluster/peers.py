"""How a sampling actor reaches the others; inside one process for tests, by Ray in a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from distgnn.cluster.messages import DrawReply, DrawRequest, GatherReply, GatherRequest
    from distgnn.cluster.part_server import PartServer

Answer = TypeVar("Answer")
Answer_co = TypeVar("Answer_co", covariant=True)


class Pending(Protocol[Answer_co]):
    """A call that is under way."""

    def result(self) -> Answer_co:
        """Wait for the answer.

        Raises:
            ClusterTimeoutError: the peer did not answer in time, and did not come back.
            DistgnnError: what the peer raised.
        """


class Peer(Protocol):
    """An owner of parts. Calls return at once, so that all owners work at the same time."""

    def draw(self, request: DrawRequest) -> Pending[DrawReply]:
        """Ask for the draws of a hop."""

    def gather(self, request: GatherRequest) -> Pending[GatherReply]:
        """Ask for rows."""


@dataclass(frozen=True, slots=True)
class Done(Generic[Answer]):
    """An answer that is there already."""

    answer: Answer

    def result(self) -> Answer:
        """Return the answer."""
        return self.answer


class LocalPeer:
    """A server in this process; it answers within the call."""

    def __init__(self, server: PartServer) -> None:
        self._server = server

    def draw(self, request: DrawRequest) -> Pending[DrawReply]:
        """Draw."""
        return Done(self._server.draw(request))

    def gather(self, request: GatherRequest) -> Pending[GatherReply]:
        """Gather."""
        return Done(self._server.gather(request))


def ask_all(requests: dict[int, Request], ask: Ask[Request, Answer], own: int) -> dict[int, Answer]:
    """Send each owner its request, and return all answers.

    Calls to others are under way while the own part is worked on.

    Args:
        requests: By number of the owner.
        ask: Sends the request of an owner.
        own: Number of the owner in this process.
    """
    others = {owner: ask(owner, request) for owner, request in requests.items() if owner != own}
    answers = {own: ask(own, requests[own]).result()} if own in requests else {}
    for owner, pending in others.items():
        answers[owner] = pending.result()
    return answers


Request = TypeVar("Request")
Request_contra = TypeVar("Request_contra", contravariant=True)


class Ask(Protocol[Request_contra, Answer_co]):
    """Sends a request to an owner."""

    def __call__(self, owner: int, request: Request_contra, /) -> Pending[Answer_co]:
        """Send it."""
