/* SPDX-License-Identifier: ISC */
/* All of the contract that is not about Xen itself. */
#ifndef FATA_FATA_H
#define FATA_FATA_H

#include <fata/base.h>
#include <fata/boot.h>
#include <fata/clock.h>
#include <fata/console.h>
#include <fata/end.h>
#include <fata/event.h>
#include <fata/heap.h>
#include <fata/hook.h>
#include <fata/lifecycle.h>
#include <fata/log.h>
#include <fata/manifest.h>
#include <fata/metrics.h>
#include <fata/page.h>
#include <fata/param.h>
#include <fata/random.h>
#include <fata/sync.h>
#include <fata/task.h>
#include <fata/timer.h>
#include <fata/trace.h>

#endif
