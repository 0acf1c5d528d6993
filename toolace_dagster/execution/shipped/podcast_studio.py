"""The shipped domain ``podcast_studio``, run for real: studios, shows, guests, sessions, episodes and transcripts.

Belongs here: the eight tools, shows, guests and episodes. Does not belong here:
studios and when they are free (``podcast_rooms``), the tools' definitions. Standard
library only.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import unicodedata
from typing import Any

from toolace_dagster.execution.shipped.podcast_rooms import Rooms
from toolace_dagster.execution.shipped.world import Records, World, day_of, stamp, time_of

_FEEDS = (
    "ferry-diaries",
    "slow-bread-radio",
    "unlikely-librarians",
    "ten-minutes-of-moss",
    "letters-from-the-allotment",
)
_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TYPES = {"full": 34.0, "trailer": 2.5, "bonus": 12.0}
_STYLES = {"verbatim": 160, "tidy": 140, "summary": 22}
_GROUPS = {
    "country": ("Portugal", "Kenya", "Ireland", "Canada", "Poland"),
    "device": ("phones", "smart speakers", "computers"),
    "age": ("ages 18 to 24", "ages 25 to 34", "ages 35 to 44", "ages 55 to 64"),
}


@dataclasses.dataclass
class _Show:
    id: str
    title: str
    feed: str
    language: str
    episodes: int = 0


@dataclasses.dataclass
class _Guest:
    id: str
    show: str
    email: str
    status: str


@dataclasses.dataclass
class _Episode:
    id: str
    show: str
    number: int
    minutes: float
    has_audio: bool
    brought: bool = False
    public_from: dt.date | None = None
    transcripts: dict[str, str] = dataclasses.field(default_factory=dict[str, str])


class PodcastStudio(World):
    """Studios, and the shows recorded in them."""

    def __init__(self, seed: int = 0, today: dt.date | None = None) -> None:
        super().__init__(seed, today)
        self._rooms = Rooms(self)
        self._shows: Records[_Show] = Records(self, "show", "PS-*****", self._brought_show)
        self._guests: Records[_Guest] = Records(self, "guest", "GU-#####", lambda i: _Guest(i, "", "", "accepted"))
        self._episodes: Records[_Episode] = Records(self, "episode", "EPI-#####", self._brought_episode)

    def find_recording_studio(
        self,
        city: str,
        seats: int = 2,
        free_on: str | None = None,
        equipment: list[str] | None = None,
        max_hourly_rate: float | None = None,
    ) -> dict[str, Any]:
        day = self.coming(free_on, "free_on") if free_on is not None else None
        found = [
            each
            for each in self._rooms.in_city(city)
            if each.seats >= seats
            and each.equipment >= set(equipment or ())
            and (max_hourly_rate is None or each.rate <= max_hourly_rate)
            and (day is None or not self._rooms.is_full(each, day))
        ]
        shown = [
            {"studio_id": each.id, "studio_name": each.name, "hourly_rate": each.rate, "seats": each.seats}
            for each in found
        ]
        return {"studio_count": len(shown), "studios": shown}

    def create_podcast_show(
        self,
        show_title: str,
        host_name: str,  # noqa: ARG002 - accepted, and of no consequence here
        genre: str,  # noqa: ARG002
        spoken_language: str = "english",
        release_plan: dict[str, Any] | None = None,
        contact_email: str | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        self._shows.expect()
        title = show_title.strip()
        taken = next((each for each in self._shows.all() if each.title.casefold() == title.casefold()), None)
        made = taken or self._shows.add(lambda i: _Show(i, title, _feed(title), spoken_language), title)
        first = self.today + dt.timedelta(days=14)
        while release_plan and _WEEK[first.weekday()] != release_plan["weekday"]:
            first += dt.timedelta(days=1)
        return {
            "show_id": made.id,
            "feed_name": made.feed,
            "show_status": "title_taken" if taken else "draft",
            "first_release_date": first.isoformat(),
        }

    def invite_podcast_guest(
        self,
        show_id: str,
        guest_name: str,
        guest_email: str,
        topic: str,  # noqa: ARG002
        recording_date: str | None = None,
        travel_paid: bool = False,
    ) -> dict[str, Any]:
        self._guests.expect()
        show, email = self._shows.get(show_id), guest_email.strip().casefold()
        for each in self._guests.all():
            if (each.show, each.email) == (show.id, email):
                raise ValueError(f"{guest_name} is invited to this show already, as guest {each.id}")
        recording = self.coming(recording_date, "recording_date") if recording_date else None
        status = "accepted" if self.likely(0.5 if travel_paid else 0.3, "accepts", email) else "sent"
        made = self._guests.add(lambda i: _Guest(i, show.id, email, status), show.id, email)
        day = self.today + dt.timedelta(days=8) if recording is None else recording - dt.timedelta(days=3)
        return {
            "guest_id": made.id,
            "invitation_status": made.status,
            "reply_by": (day - dt.timedelta(days=1)).isoformat(),
            "prep_call_at": f"{day.isoformat()}T{self.pick(('10:30', '13:00', '16:15'), made.id)}:00Z",
        }

    def book_studio_session(
        self,
        studio_id: str,
        show_id: str,
        starts_at: str,
        hours: float,
        with_engineer: bool = True,
        guest_id: str | None = None,
    ) -> dict[str, Any]:
        show = self._shows.get(show_id)
        guest = self._guests.get(guest_id) if guest_id is not None else None
        if guest is not None and guest.show not in ("", show.id):
            raise ValueError(f"guest {guest.id} is invited to another show")
        starts = time_of(starts_at, "starts_at")
        self.coming(starts_at, "starts_at")
        made = self._rooms.book(studio_id, show.id, starts, hours)
        booked: dict[str, Any] = {
            "studio_session_id": made.id,
            "session_status": "provisional" if guest is not None and guest.status == "sent" else "booked",
            "session_price": self._rooms.price(studio_id, hours, with_engineer=with_engineer),
        }
        if with_engineer:
            booked["engineer_name"] = self._rooms.engineer(studio_id, starts.date())
        return booked | {"door_code": self.code("####", made.id)}

    def draft_podcast_episode(
        self,
        show_id: str,
        working_title: str,
        studio_session_id: str | None = None,
        segments: list[str] | None = None,
        episode_type: str = "full",
    ) -> dict[str, Any]:
        self._episodes.expect()
        if not working_title.strip():
            raise ValueError("working_title must not be empty")
        show = self._shows.get(show_id)
        session = self._rooms.session(studio_session_id) if studio_session_id is not None else None
        if session is not None and session.show not in ("", show.id):
            raise ValueError(f"session {session.id} was recorded for another show")
        if session is not None and session.episode:
            raise ValueError(f"session {session.id} is in episode {session.episode} already")
        if session is not None:
            # An episode is drafted from a session that was recorded.
            self.pass_to(session.ends.date())
        show.episodes += 1
        minutes = _TYPES[episode_type] + (4.0 * len(segments or ()) if episode_type == "full" else 0.0)
        if session is not None:
            minutes = min(minutes, (session.ends - session.starts).total_seconds() / 60)
        made = self._episodes.add(
            lambda i: _Episode(i, show.id, show.episodes, minutes, session is not None), show.id, show.episodes
        )
        if session is not None:
            session.episode = made.id
        return {
            "episode_id": made.id,
            "episode_number": made.number,
            "length_minutes": made.minutes,
            "draft_status": "ready_for_edit" if made.has_audio else "waiting_for_audio",
        }

    def create_episode_transcript(
        self,
        episode_id: str,
        transcript_language: str | None = None,
        label_speakers: bool = True,
        reading_style: str = "tidy",
    ) -> dict[str, Any]:
        episode = self._episodes.get(episode_id)
        language = transcript_language or self._shows.get(episode.show).language
        made = self.code("TX-******", episode.id, language, reading_style)
        about = f"{language}, {reading_style}"
        if made in episode.transcripts:
            raise ValueError(f"episode {episode.id} has a transcript like this ({about}) already: {made}")
        episode.transcripts[made] = about
        words = episode.minutes * _STYLES[reading_style] * (1.02 if label_speakers else 1.0)
        ready = dt.datetime.fromisoformat(self.clock("10:15")[:-1])
        return {
            "transcript_id": made,
            "word_count": round(words) if episode.has_audio else 0,
            "transcript_status": "ready" if episode.has_audio else "in_progress",
            "ready_at": stamp(ready + dt.timedelta(minutes=10, days=0 if episode.has_audio else 7)),
        }

    def publish_podcast_episode(
        self,
        episode_id: str,
        release_at: str,
        episode_note: str | None = None,  # noqa: ARG002
        tags: list[str] | None = None,  # noqa: ARG002
        explicit_language: bool = False,  # noqa: ARG002
        transcript_id: str | None = None,
    ) -> dict[str, Any]:
        episode = self._episodes.get(episode_id)
        day = self.coming(release_at, "release_at")
        if episode.public_from is not None:
            raise ValueError(f"episode {episode.id} is published already, from {episode.public_from} on")
        if transcript_id is not None and episode.transcripts and transcript_id not in episode.transcripts:
            raise ValueError(f"episode {episode.id} has no transcript {transcript_id}")
        status = "blocked"
        if episode.has_audio:
            episode.public_from = day
            status = "scheduled" if day > self.today else "published"
        feed = self._shows.get(episode.show).feed
        return {
            "episode_status": status,
            "public_from": release_at,
            "listen_url": f"https://pods.example.org/{feed}/{episode.number}",
        }

    def get_episode_audience(
        self, episode_id: str, from_date: str | None = None, to_date: str | None = None, count_by: str = "country"
    ) -> dict[str, Any]:
        episode = self._episodes.get(episode_id)
        first = day_of(from_date, "from_date") if from_date is not None else None
        last = day_of(to_date, "to_date") if to_date is not None else None
        if first is not None and last is not None and last < first:
            raise ValueError("to_date comes before from_date")
        if episode.public_from is None and not episode.brought:
            raise ValueError(f"episode {episode.id} is not published")
        if episode.public_from is not None and last is not None and last < episode.public_from:
            raise ValueError(f"episode {episode.id} can't be heard before {episode.public_from}")
        if episode.public_from is not None:
            # Who asks for listeners asks after some have listened.
            self.pass_to(last or episode.public_from + dt.timedelta(days=7))
        since = episode.public_from or self.today - dt.timedelta(days=self.number(30, 200, "public", episode.id))
        days = ((last or self.today) - max(first or since, since)).days + 1
        share = self.number(35, 80, "finished", episode.id)
        return {
            "play_count": max(0, days) * self.number(3, 160, "plays", episode.id) + max(0, min(days, 5)),
            "average_minutes": round(episode.minutes * (share + 10) / 100, 1),
            "top_group": self.pick(_GROUPS[count_by], episode.id),
            "finished_percent": float(share),
        }

    def _brought_show(self, identifier: str) -> _Show:
        feed = self.pick(_FEEDS, identifier)
        return _Show(identifier, feed.replace("-", " "), feed, "english", self.number(3, 40, identifier))

    def _brought_episode(self, identifier: str) -> _Episode:
        show = self._shows.add(self._brought_show, "episode", identifier, told=False)
        minutes = float(self.number(18, 62, identifier))
        return _Episode(
            identifier, show.id, self.number(1, 40, "number", identifier), minutes, has_audio=True, brought=True
        )


def _feed(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().casefold()
    return "-".join(re.findall("[a-z]+", plain.replace("'", ""))) or "show"
