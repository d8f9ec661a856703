"""Redis: the broker of the workers, the hints between open pages and the cache; and a volatile one that writes nothing
to a disk, for the turn logs and the keys of temporary chats."""

from webapp.settings.environment import environment

REDIS_URL = environment.redis
VOLATILE_REDIS_URL = environment.volatile_redis
CELERY_BROKER_URL = environment.celery_broker

# The pub/sub layer subscribes anew by itself after Redis restarts. It carries hints only, so what it loses is no loss.
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "cria:hint"},
    },
}

CACHES = {
    "default": {"BACKEND": "webapp.shared_cache.SharedCache", "LOCATION": REDIS_URL, "KEY_PREFIX": "cria:cache"},
}
