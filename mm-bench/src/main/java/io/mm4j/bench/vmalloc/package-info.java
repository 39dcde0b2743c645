// SPDX-License-Identifier: Apache-2.0

/** Areas of vmalloc beside pages that are mapped one by one, and both allocators of addresses. */
@NullMarked
package io.mm4j.bench.vmalloc;

import org.jspecify.annotations.NullMarked;
