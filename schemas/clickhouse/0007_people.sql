-- Every hit with what is derived of it. What else is asked (browser, for one) is joined by those who ask.
CREATE VIEW IF NOT EXISTS hits_enriched AS
SELECT
    id, received_at, endpoint, method, site, event, event_id, url, referrer, value, currency, client_time,
    visitor_id, user_id, campaign_id, message_id, recipient_id, ip, user_agent, language, consent,
    consent_source, visitor_kind, session_id, link_url, sent_at, email_hash, phone_hash, client_hints, bot,
    purpose, opened_by, opened_by_reason, api_key, properties, problems, inserted_at,
    person, person_key, host, path, referrer_host, utm_source, utm_medium, utm_campaign, utm_term,
    utm_content, utm_id, click_id_kind, click_id, source, medium, channel, device_type, country, region, asn,
    network, is_person_hit
FROM hits;
-- The hits that a person caused: the one place that decides it is is_person_hit (schemas/enrichment).
CREATE VIEW IF NOT EXISTS people_hits AS
SELECT * FROM hits_enriched WHERE is_person_hit = 1;
