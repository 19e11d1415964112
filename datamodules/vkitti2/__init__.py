"""Virtual KITTI 2: five rendered street scenes in ten variations, seen by two cameras."""
