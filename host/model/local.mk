# host/model: the messages of the field as plain structs, each with a reader and a writer; status words, preconditions,
# durations.
noinst_LIBRARIES += libhost-model.a
libhost_model_a_SOURCES = \
	host/model/command.c host/model/command.h \
	host/model/consent.c host/model/consent.h \
	host/model/desired_state.c host/model/desired_state.h \
	host/model/ditto.c host/model/ditto.h \
	host/model/duration.c host/model/duration.h \
	host/model/envelope.c host/model/envelope.h \
	host/model/feedback.c host/model/feedback.h \
	host/model/inventory.c host/model/inventory.h \
	host/model/place.c host/model/place.h \
	host/model/precondition.c host/model/precondition.h \
	host/model/prefix.c host/model/prefix.h \
	host/model/salvage.c host/model/salvage.h \
	host/model/status.c host/model/status.h \
	$(NULL)
