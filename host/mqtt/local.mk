# host/mqtt: the connection to the MQTT server, on the loop, and how topics are spelled.
noinst_LIBRARIES += libhost-mqtt.a
libhost_mqtt_a_CPPFLAGS = $(AM_CPPFLAGS) $(SYSTEMD_CFLAGS) $(MOSQUITTO_CFLAGS)
libhost_mqtt_a_SOURCES = \
	host/mqtt/connection.c host/mqtt/connection.h \
	host/mqtt/link.c host/mqtt/link.h host/mqtt/link-parts.h \
	host/mqtt/link-client.c \
	host/mqtt/link-reason.c \
	host/mqtt/outbox.c host/mqtt/outbox.h \
	host/mqtt/owed.c host/mqtt/owed.h \
	host/mqtt/subscriptions.c host/mqtt/subscriptions.h \
	host/mqtt/topics.c host/mqtt/topics.h \
	$(NULL)
