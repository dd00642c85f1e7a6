# host/model: the messages of the field as plain structs, each with a reader and a writer; status words.
noinst_LIBRARIES += libhost-model.a
libhost_model_a_SOURCES = \
	host/model/status.c host/model/status.h \
	$(NULL)
