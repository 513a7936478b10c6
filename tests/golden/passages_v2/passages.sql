--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: autobot_passages; Type: SCHEMA; Schema: -; Owner: autobot
--

CREATE SCHEMA autobot_passages;


ALTER SCHEMA autobot_passages OWNER TO autobot;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: passages; Type: TABLE; Schema: autobot_passages; Owner: autobot
--

CREATE TABLE autobot_passages.passages (
    number bigint NOT NULL,
    version bigint NOT NULL,
    place integer NOT NULL,
    start bigint NOT NULL,
    finish bigint NOT NULL,
    page integer,
    title bytea NOT NULL,
    heading bytea NOT NULL,
    text bytea NOT NULL,
    length integer NOT NULL,
    words tsvector NOT NULL,
    vector real[]
);


ALTER TABLE autobot_passages.passages OWNER TO autobot;

--
-- Name: passages_number_seq; Type: SEQUENCE; Schema: autobot_passages; Owner: autobot
--

ALTER TABLE autobot_passages.passages ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME autobot_passages.passages_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: past; Type: TABLE; Schema: autobot_passages; Owner: autobot
--

CREATE TABLE autobot_passages.past (
    version bigint NOT NULL,
    title bytea NOT NULL,
    tags text[] NOT NULL COLLATE pg_catalog."C",
    since bigint NOT NULL,
    until bigint NOT NULL
);


ALTER TABLE autobot_passages.past OWNER TO autobot;

--
-- Name: versions; Type: TABLE; Schema: autobot_passages; Owner: autobot
--

CREATE TABLE autobot_passages.versions (
    number bigint NOT NULL,
    document text NOT NULL COLLATE pg_catalog."C",
    version bigint NOT NULL,
    collection text NOT NULL COLLATE pg_catalog."C",
    owner text NOT NULL COLLATE pg_catalog."C",
    tags text[] NOT NULL COLLATE pg_catalog."C",
    model text NOT NULL COLLATE pg_catalog."C",
    dimensions integer NOT NULL,
    since bigint NOT NULL,
    until bigint,
    reading integer DEFAULT 1 NOT NULL
);


ALTER TABLE autobot_passages.versions OWNER TO autobot;

--
-- Name: versions_number_seq; Type: SEQUENCE; Schema: autobot_passages; Owner: autobot
--

ALTER TABLE autobot_passages.versions ALTER COLUMN number ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME autobot_passages.versions_number_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Data for Name: passages; Type: TABLE DATA; Schema: autobot_passages; Owner: autobot
--

COPY autobot_passages.passages (number, version, place, start, finish, page, title, heading, text, length, words, vector) FROM stdin;
1	1	0	0	18	1	\\x5469746c65206f6620636a6b	\\xe983a8e58886	\\xe69cace585ace58fb8e79a84e68aa5e99480e688aae6ada2e697a5e69c9fe4b8bae6af8fe69c88e4ba8ce58d81e4ba94e697a5e38082	39	'cjk':3 'titl':1 '为':33 '为每':17 '二':36 '二十':20 '五':38 '五日':22 '公':24 '公司':8 '分':6 '十':37 '十五':21 '司':25 '司的':9 '截':29 '截止':13 '报':27 '报销':11 '日':31,39 '日期':15 '月':35 '月二':19 '期':32 '期为':16 '本':23 '本公':7 '止':30 '止日':14 '每':34 '每月':18 '的':26 '的报':10 '部':5 '部分':4 '销':28 '销截':12	{1,0,0}
2	1	1	19	56	2	\\x5469746c65206f6620636a6b	\\xe983a8e58886	\\x456e67696e6573206f662073686970732c20616e6420746865697220686172626f7572732e	12	'cjk':3 'engin':7 'harbour':12 'ship':9 'titl':1 '分':6 '部':5 '部分':4	{0,1,0}
5	3	0	0	26	1	\\x5469746c65206f66206f74686572	\\xe983a8e58886	\\xe0a4b9e0a4bfe0a4a8e0a58de0a4a6e0a58020e0a495e0a58020e0a495e0a4bfe0a4a4e0a4bee0a4ac20e0a4aee0a587e0a49ce0a4bc20e0a4aae0a4b020e0a4b9e0a588	12	'titl':1 'किताब':9 'की':8 'पर':11 'मेज़':10 'हिन्दी':7 'है':12 '分':6 '部':5 '部分':4	{1,0,0}
6	4	0	0	6	\N	\\x5469746c65206f662070617374	\\x	\\xe697a7e79a84e688aae6ada2e697a5e69c9f	14	'past':3 'titl':1 '截':11 '截止':6 '日':13 '日期':8 '旧':9 '旧的':4 '期':14 '止':12 '止日':7 '的':10 '的截':5	{0,0,1}
7	5	0	0	6	\N	\\x5469746c65206f662070617374	\\x	\\xe696b0e79a84e688aae6ada2e697a5e69c9f	14	'past':3 'titl':1 '截':11 '截止':6 '新':9 '新的':4 '日':13 '日期':8 '期':14 '止':12 '止日':7 '的':10 '的截':5	{0,0,1}
8	2	0	0	37	1	\\xe888b9e381aee5a4a7e3818de38195	\\xe983a8e58886	\\x446965204772c3b6c39f652064657220536368696666652c20756e64206469652048c3a466656e2e	16	'der':12 'die':10,15 'große':11 'hafen':16 'schiff':13 'und':14 'きさ':4 'の大':2 '分':9 '大':6 '大き':3 '船':5 '船の':1 '部':8 '部分':7	{1,0,0}
9	2	1	38	75	2	\\xe888b9e381aee5a4a7e3818de38195	\\xe983a8e58886	\\x456e67696e6573206f662073686970732c20616e6420746865697220686172626f7572732e	15	'engin':10 'harbour':15 'ship':12 'きさ':4 'の大':2 '分':9 '大':6 '大き':3 '船':5 '船の':1 '部':8 '部分':7	{0,1,0}
10	6	0	0	37	\N	\\x456e67696e6573	\\x	\\x456e67696e6573206f662073686970732c20616e6420746865697220686172626f7572732e	7	'engin':1,2 'harbour':7 'ship':4	\N
11	7	0	0	6	\N	\\x5469746c65206f6620676f6e65	\\x	\\xe8a68be9a083e381afe58d81e4b880e69c88	13	'gone':3 'titl':1 'は十':6 '一':12 '一月':8 '十':11 '十一':7 '月':13 '見':9 '見頃':4 '頃':10 '頃は':5	\N
\.


--
-- Data for Name: past; Type: TABLE DATA; Schema: autobot_passages; Owner: autobot
--

COPY autobot_passages.past (version, title, tags, since, until) FROM stdin;
2	\\x5469746c65206f66206c6174696e	{}	10	30
\.


--
-- Data for Name: versions; Type: TABLE DATA; Schema: autobot_passages; Owner: autobot
--

COPY autobot_passages.versions (number, document, version, collection, owner, tags, model, dimensions, since, until, reading) FROM stdin;
1	cjk	1	shelf		{}	compass	3	10	\N	2
3	other	1	shelf		{}	compass	3	10	\N	2
4	past	1	shelf		{}	compass	3	10	20	2
5	past	2	shelf		{}	compass	3	20	\N	2
2	latin	1	shelf		{ships}	compass	3	10	\N	2
6	plain	1	shelf		{}		0	10	\N	2
7	gone	1	shelf		{}		0	15	40	2
\.


--
-- Name: passages_number_seq; Type: SEQUENCE SET; Schema: autobot_passages; Owner: autobot
--

SELECT pg_catalog.setval('autobot_passages.passages_number_seq', 11, true);


--
-- Name: versions_number_seq; Type: SEQUENCE SET; Schema: autobot_passages; Owner: autobot
--

SELECT pg_catalog.setval('autobot_passages.versions_number_seq', 7, true);


--
-- Name: passages passages_pkey; Type: CONSTRAINT; Schema: autobot_passages; Owner: autobot
--

ALTER TABLE ONLY autobot_passages.passages
    ADD CONSTRAINT passages_pkey PRIMARY KEY (number);


--
-- Name: passages passages_version_place_key; Type: CONSTRAINT; Schema: autobot_passages; Owner: autobot
--

ALTER TABLE ONLY autobot_passages.passages
    ADD CONSTRAINT passages_version_place_key UNIQUE (version, place);


--
-- Name: past past_pkey; Type: CONSTRAINT; Schema: autobot_passages; Owner: autobot
--

ALTER TABLE ONLY autobot_passages.past
    ADD CONSTRAINT past_pkey PRIMARY KEY (version, since);


--
-- Name: versions versions_document_version_key; Type: CONSTRAINT; Schema: autobot_passages; Owner: autobot
--

ALTER TABLE ONLY autobot_passages.versions
    ADD CONSTRAINT versions_document_version_key UNIQUE (document, version);


--
-- Name: versions versions_pkey; Type: CONSTRAINT; Schema: autobot_passages; Owner: autobot
--

ALTER TABLE ONLY autobot_passages.versions
    ADD CONSTRAINT versions_pkey PRIMARY KEY (number);


--
-- Name: passages_words; Type: INDEX; Schema: autobot_passages; Owner: autobot
--

CREATE INDEX passages_words ON autobot_passages.passages USING gin (words);


--
-- PostgreSQL database dump complete
--


