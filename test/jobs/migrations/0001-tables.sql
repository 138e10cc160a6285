create table kept (text text not null);
