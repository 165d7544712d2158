"""What the console's pages about keeping are answered: policies with the names of what they are for, and time-lapses."""

from sql_backends import Backend


def test_policies_are_told_with_names_and_those_of_others_are_not(backend: Backend) -> None:
    company, admin, device = backend.company()
    _, stranger, _ = backend.company()
    stranger.session.rpc("set_keep_policy", p_policy={"max_age_days": 7})
    backend.service.insert("sites", {"company_id": company, "name": "North"})
    site = backend.service.row("sites", company_id=company)["site_id"]
    backend.service.update("devices", {"name": "Pond"}, device_id=device)
    for policy in (
        {"max_age_days": 365},
        {"site_id": site, "max_count": 10},
        {"device_id": device, "max_count": 5},
    ):
        admin.session.rpc("set_keep_policy", p_policy=policy)
    told = backend.member(company, "viewer").session.rpc("console_keeping")
    names = [(policy["site_name"], policy["device_name"]) for policy in told["policies"]]
    assert names == [(None, None), ("North", None), (None, "Pond")]
    assert [policy["max_age_days"] for policy in told["policies"]] == [365, None, None]
    assert told["usage"]["bytes"] == 0
    assert told["sites"] == [{"site_id": site, "name": "North"}]


def test_time_lapses_are_told_to_members_alone(backend: Backend) -> None:
    company, admin, device = backend.company()
    _, stranger, _ = backend.company()
    backend.service.update("devices", {"name": "Pond"}, device_id=device)
    backend.service.insert(
        "timelapses",
        {
            "company_id": company,
            "device_id": device,
            "since": "2026-01-01T00:00:00Z",
            "until": "2026-01-02T00:00:00Z",
            "format": "mp4",
            "fps": 24,
            "width": 640,
            "deflicker": True,
            "burn_date": False,
            "burn_readings": False,
            "timezone": "UTC",
            "frames_total": 9,
            "requested_by": admin.user_id,
        },
    )
    (film,) = admin.session.rpc("console_timelapses")
    assert (film["device_name"], film["state"], film["frames_total"]) == ("Pond", "queued", 9)
    assert film["requested_by"] == admin.email
    assert stranger.session.rpc("console_timelapses") == []


def test_pinned_pictures_are_told_page_by_page_and_those_of_others_are_not(backend: Backend) -> None:
    _, admin, device = backend.company()
    _, stranger, _ = backend.company()
    pictures = []
    # Two of them were taken in the same moment.
    for number, captured_at in enumerate(("2026-01-01", "2026-01-02", "2026-01-02", "2026-01-03")):
        made = backend.service.rpc(
            "record_capture",
            p_capture={
                "device_id": device,
                "image_name": f"{number}.jpg",
                "captured_at": f"{captured_at}T00:00:00Z",
                "ingest_status": "stored",
                "storage_path": f"captures/{device}/{number}.jpg",
                "image_sha256": f"{number}" * 64,
            },
        )
        pictures.append(made["capture_id"])
    admin.session.rpc("pin_captures", p_captures=tuple(pictures[:3]))
    first = admin.session.rpc("console_pins", p_limit=2)
    last = first["pictures"][-1]
    rest = admin.session.rpc(
        "console_pins", p_limit=2, p_before=last["captured_at"], p_before_id=last["capture_id"]
    )
    assert (first["more"], rest["more"]) == (True, False)
    told = [picture["capture_id"] for picture in first["pictures"] + rest["pictures"]]
    assert set(told[:2]) == set(pictures[1:3]) and told[2:] == pictures[:1]
    assert stranger.session.rpc("console_pins") == {"pictures": [], "more": False}
