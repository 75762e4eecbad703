-- Takes the same rows as hits and keeps none: the consumer finds refused rows of a batch with it.
CREATE TABLE IF NOT EXISTS hits_check AS hits ENGINE = Null;
