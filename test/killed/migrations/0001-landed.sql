create table landed (bomb text);
