create table doors (number integer);
