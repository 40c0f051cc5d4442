/* Wine 8 has no bcryptprimitives.dll, and every Rust program imports ProcessPrng from it. */
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size)
{
    for (ULONG part; size > 0; data += part, size -= part) {
        part = size < 0x10000000 ? (ULONG)size : 0x10000000;
        if (!RtlGenRandom(data, part)) /* SystemFunction036 of advapi32.dll */
            return FALSE;
    }
    return TRUE;
}
