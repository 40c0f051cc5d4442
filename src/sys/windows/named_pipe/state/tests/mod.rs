mod chaos;
mod faithful;
mod rules;
mod world;
