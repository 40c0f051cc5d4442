mod chaos;
mod faithful;
mod rules_connection;
mod rules_data;
mod world;
