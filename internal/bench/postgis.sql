-- The directory as a PostGIS user would keep it, with the indexes that serve the
-- question best: units by population and zone, shelters by id, zones in space.
CREATE EXTENSION postgis;
CREATE TABLE zones (id int PRIMARY KEY, country text NOT NULL, point geography(Point) NOT NULL);
CREATE TABLE shelters (id text COLLATE "C" PRIMARY KEY, type int NOT NULL, active bool NOT NULL, registered_until bigint NOT NULL,
  on_site int NOT NULL, met int NOT NULL, features int NOT NULL, freedom int NOT NULL, opens int NOT NULL, closes int NOT NULL, offered bigint NOT NULL);
CREATE TABLE units (shelter text COLLATE "C" NOT NULL, no int NOT NULL, zone int NOT NULL, population int NOT NULL, ages int NOT NULL, apart bool NOT NULL,
  free int NOT NULL, staffed int NOT NULL, confirmed bigint NOT NULL);
CREATE TABLE spoken (shelter text COLLATE "C" NOT NULL, base text NOT NULL, staff bool NOT NULL);
CREATE TABLE serves (spoken text NOT NULL, person text NOT NULL, worth int NOT NULL, PRIMARY KEY (person, spoken));
CREATE TABLE lawful (type int PRIMARY KEY, ages int NOT NULL);
\i data.sql
CREATE INDEX ON zones USING gist (point);
CREATE INDEX ON units (population, zone) INCLUDE (shelter, no, ages, apart, free, staffed, confirmed) WHERE free >= 1;
CREATE INDEX ON spoken (shelter) INCLUDE (base, staff);
VACUUM ANALYZE;
SET jit = off;
SET max_parallel_workers_per_gather = 0;
-- at, country, longitude, latitude, minutes at most, population, age (bit), adult, needs, wishes, languages, offset from UTC
PREPARE top (bigint, text, float8, float8, int, int, int, bool, int, int, text[], int) AS
WITH near AS (
  SELECT id, ceil(20 + ST_Distance(point, ST_SetSRID(ST_MakePoint($3, $4), 4326)::geography, false) / 1000 * 1.3 / 40 * 60)::int AS minutes
  FROM zones
  WHERE country = $2 AND ST_DWithin(point, ST_SetSRID(ST_MakePoint($3, $4), 4326)::geography, ($5 - 20) / 1.3 * 40 / 60 * 1000 + 1, false)
), room AS (
  SELECT DISTINCT ON (u.shelter) u.shelter, n.minutes, u.free, u.staffed, u.confirmed
  FROM near n JOIN units u ON u.zone = n.id AND u.population = $6 AND u.free >= 1
  WHERE n.minutes <= $5 AND u.ages & $7 <> 0 AND u.confirmed >= $1 - 72 * 3600
  ORDER BY u.shelter, u.no
), fit AS (
  SELECT s.id, s.freedom, s.offered,
    30 * greatest(480 - r.minutes, 0) / 480
    + 20 * coalesce((SELECT max(CASE WHEN p.staff THEN v.worth ELSE 3 END) FROM spoken p JOIN serves v ON v.spoken = p.base AND v.person = ANY ($11)
        WHERE p.shelter = s.id), 0) / 8
    + CASE WHEN $9 = 0 THEN 15 ELSE 15 * bit_count((s.on_site & $9)::bit(32)) / bit_count($9::bit(32)) END
    + 10 * s.freedom / 4
    + CASE WHEN r.confirmed < $1 - 24 * 3600 THEN 2 ELSE 8 END
    + 10 * least(r.free, greatest(r.staffed, 1)) / greatest(r.staffed, 1)
    + CASE WHEN $10 = 0 THEN 7 ELSE 7 * bit_count((s.features & $10)::bit(32)) / bit_count($10::bit(32)) END AS score
  FROM room r JOIN shelters s ON s.id = r.shelter
  WHERE s.active AND s.registered_until > $1
    AND s.type IN (SELECT type FROM lawful WHERE ages & $7 <> 0)
    AND s.met & $9 = $9
    AND CASE WHEN s.opens = s.closes THEN true
      WHEN s.opens < s.closes THEN ($1 / 60 + r.minutes + $12) % 1440 BETWEEN s.opens AND s.closes - 1
      ELSE ($1 / 60 + r.minutes + $12) % 1440 >= s.opens OR ($1 / 60 + r.minutes + $12) % 1440 < s.closes END
)
SELECT id FROM fit ORDER BY $8 AND freedom = 0, score DESC, offered, id LIMIT 10;
