-- Schema 4. A fascicolo may be part of another: its primario (Allegato 5, IdAggPrimario).

ALTER TABLE aggregations ADD COLUMN primario TEXT;

CREATE INDEX aggregations_by_primario ON aggregations (ente, primario) WHERE primario IS NOT NULL;
