create table visits (number integer);
