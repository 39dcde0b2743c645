// SPDX-License-Identifier: Apache-2.0

/** Which addresses of the vmalloc area are whose: the SPI {@code vmalloc}. */
@NullMarked
package io.mm4j.api.vmalloc;

import org.jspecify.annotations.NullMarked;
