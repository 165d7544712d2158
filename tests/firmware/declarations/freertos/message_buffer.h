#pragma once
#include <cstddef>
#include "FreeRTOS.h"
typedef struct MessageBuffer* MessageBufferHandle_t;
MessageBufferHandle_t xMessageBufferCreate(size_t bytes);
size_t xMessageBufferSend(MessageBufferHandle_t buffer, const void* data, size_t length, TickType_t ticks);
size_t xMessageBufferReceive(MessageBufferHandle_t buffer, void* data, size_t most, TickType_t ticks);
